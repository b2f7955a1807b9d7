# Recording, training, export and closed loop on CPUs.
#   docker build -f docker/train.Dockerfile -t auxdrive-train .
#   docker run --rm -v "$PWD:/data" auxdrive-train demo --out demo
# Without an index of torch's CPU builds pip brings CUDA, some gigabytes:
#   docker build --build-arg PIP_EXTRA_INDEX_URL=INDEX ... (an image's history keeps its arguments: no password in it)
FROM python:3.12.12-slim-bookworm AS build
ARG PIP_EXTRA_INDEX_URL
WORKDIR /source
RUN python -m venv /opt/auxdrive && /opt/auxdrive/bin/python -m pip install --no-cache-dir torch==2.13.0
COPY pyproject.toml README.md LICENSE ./
COPY sdk sdk
COPY train train
COPY deploy deploy
COPY carla_eval carla_eval
RUN /opt/auxdrive/bin/python -m pip install --no-cache-dir '.[all]'

FROM python:3.12.12-slim-bookworm
# Panda3D's software renderer opens no display, but is linked with X11's library.
RUN apt-get update && apt-get install --yes --no-install-recommends libx11-6 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/auxdrive /opt/auxdrive
RUN useradd --create-home --uid 1000 auxdrive && install --directory --owner auxdrive /data
ENV PATH=/opt/auxdrive/bin:$PATH
USER auxdrive
WORKDIR /data
ENTRYPOINT ["auxdrive"]
CMD ["doctor"]

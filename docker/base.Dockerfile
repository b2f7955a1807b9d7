# What a vehicle computer runs: the base install and the command line, without torch.
#   docker build -f docker/base.Dockerfile -t auxdrive .
#   docker run --rm --network none -v "$PWD/bundles:/data/bundles:ro" auxdrive verify bundles/samd
FROM python:3.12.12-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY sdk sdk
COPY train train
COPY deploy deploy
COPY carla_eval carla_eval
RUN python -m venv /opt/auxdrive && /opt/auxdrive/bin/python -m pip install --no-cache-dir '.[cli]'

FROM python:3.12.12-slim-bookworm
COPY --from=build /opt/auxdrive /opt/auxdrive
RUN useradd --create-home --uid 1000 auxdrive && install --directory --owner auxdrive /data
ENV PATH=/opt/auxdrive/bin:$PATH
USER auxdrive
WORKDIR /data
ENTRYPOINT ["auxdrive"]
CMD ["doctor"]

# Runs exported models on a CPU: the base install, no PyTorch. See docker/README.md.
FROM python:3.11-slim AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY edgedet edgedet
COPY runtime runtime
COPY calibration calibration
COPY export export
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist .

FROM python:3.11-slim
RUN --mount=type=bind,from=wheel,source=/dist,target=/dist \
    pip install --no-cache-dir /dist/*.whl
RUN useradd --create-home --uid 1000 edgedet
USER edgedet
WORKDIR /home/edgedet
ENTRYPOINT ["edgedet"]
CMD ["--help"]

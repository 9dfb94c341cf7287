# rtc-drift in a container: see compose.yaml and docs/operations.md.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY rtc_drift rtc_drift
COPY frontend frontend
COPY deploy/build.sh deploy/build.sh
RUN deploy/build.sh /opt/rtc-drift

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin rtc-drift \
    && install --directory --owner=rtc-drift --group=rtc-drift /data
COPY --from=build /opt/rtc-drift /opt/rtc-drift
ENV PATH=/opt/rtc-drift/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    RTC_DRIFT_HOST=0.0.0.0 \
    RTC_DRIFT_PORT=8080 \
    RTC_DRIFT_UDP_PORT=8189 \
    RTC_DRIFT_DATA_DIR=/data \
    RTC_DRIFT_LOG_FORMAT=json
USER rtc-drift
VOLUME /data
EXPOSE 8080/tcp 8189/udp
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["rtc-drift"]
CMD ["serve"]

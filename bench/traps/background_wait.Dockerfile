# A wait in the second RUN has nothing to wait for.
FROM debian:12-slim
WORKDIR /srv
RUN (sleep 0.2; touch late) & \
    touch early
RUN wait; test -e late || touch alone

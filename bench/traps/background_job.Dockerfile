# A background job dies with its RUN; in a joined one it would go on beside the next command.
FROM debian:12-slim
WORKDIR /srv
RUN (sleep 0.2; touch late) & true
RUN sleep 0.5; if test -e late; then touch waited; else touch alone; fi

# A failed install is allowed here, and nothing after it depends on it.
FROM debian:12-slim
RUN apt-get update && (apt-get install -y missing-here || true)
RUN apt-get install -y jq; touch /srv/after

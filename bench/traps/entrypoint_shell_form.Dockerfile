# The shell form of ENTRYPOINT ignores CMD; the exec form would get it as arguments.
FROM debian:12-slim
WORKDIR /srv
RUN printf '#!/bin/sh\necho "started with $# arguments"\n' > run.sh && chmod 755 run.sh
ENTRYPOINT ./run.sh
CMD ["--help", "me"]

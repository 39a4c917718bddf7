# The second RUN is bash, the first is not.
FROM debian:12-slim
WORKDIR /srv
RUN echo 'sh says {a,b}' > first && touch {c,d}
SHELL ["/bin/bash", "-c"]
RUN touch {e,f}

# A newer release is another image, not a better tag of the same one.
FROM centos:7 AS first
RUN touch /srv/a

FROM ubuntu:16.04 AS second
RUN touch /srv/b

FROM node:16-slim
COPY --from=first /srv/a /srv/
COPY --from=second /srv/b /srv/
CMD ["ls", "/srv"]

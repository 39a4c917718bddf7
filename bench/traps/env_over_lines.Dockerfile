# ENV in both forms, over several lines, with a comment between.
FROM debian:12-slim
WORKDIR /srv
ENV FIRST=1 \
    SECOND="two words" \
    # third
    THIRD=3
ENV PACKAGES \
    curl wget \
    git
RUN echo "$FIRST $SECOND $THIRD $PACKAGES" > values

# No user but root exists in this image.
FROM debian:12-slim
WORKDIR /srv
RUN touch app
EXPOSE 8080
CMD ["ls"]

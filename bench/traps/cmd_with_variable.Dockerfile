# A variable in the shell form of CMD is expanded at the start.
FROM debian:12-slim
ENV GREETING=hello
CMD echo $GREETING && echo again

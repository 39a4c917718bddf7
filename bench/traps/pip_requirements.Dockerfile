# The requirements come from the context.
FROM python:3.12-slim
WORKDIR /srv/app
COPY . .
RUN pip install -r requirements.txt
CMD ["cat", "app.py"]

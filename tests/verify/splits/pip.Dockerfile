FROM python:3.11-slim AS build

RUN apt-get update
RUN apt-get install -y gcc libpq-dev

WORKDIR /app
ADD . /app

RUN pip install -r requirements.txt

FROM python:3.11-slim
RUN apt-get update
RUN apt-get install -y libpq5
COPY --from=build /usr/local/lib/python3.11/site-packages /usr/local/lib/python3.11/site-packages
COPY --from=build /usr/local/bin /usr/local/bin
WORKDIR /app
COPY . /app

ENV DATABASE_URL=postgresql://localhost/notes
EXPOSE 8000
CMD ["gunicorn", "--bind", "0.0.0.0:8000", "notes:app"]

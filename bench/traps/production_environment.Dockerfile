# NODE_ENV=production before the install leaves out what the build needs.
FROM node:20-slim
WORKDIR /srv/app
COPY package.json ./
RUN npm install
RUN npm run build
CMD ["cat", "dist/app.js"]

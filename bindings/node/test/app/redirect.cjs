// datadog-lambda-js posts to https://api.<site> only. Preloaded, this lets its posts go to the intake on loopback.
const http = require('node:http');
const https = require('node:https');

const { hostname, port } = new URL(process.env.REDIRECT_TO);
https.request = (options, callback) => http.request({ method: options.method, path: options.path, headers: options.headers, hostname, port }, callback);

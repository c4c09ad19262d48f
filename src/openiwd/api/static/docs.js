"use strict";
const place = document.getElementById("docs");
window.SwaggerUIBundle({
  url: place.dataset.url,
  domNode: place,
  deepLinking: true,
  persistAuthorization: false,
  displayRequestDuration: true,
  docExpansion: "none",
  tryItOutEnabled: true,
  filter: true,
  validatorUrl: null,
});

// The API's document in Swagger UI; the address is that of this server, so that "Try it out" reaches it.
const place = document.getElementById("document");
SwaggerUIBundle({ url: place.dataset.address, domNode: place, deepLinking: true });

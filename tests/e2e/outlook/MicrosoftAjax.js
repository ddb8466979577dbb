// Stand-in for the global names that office.js asks for when it is not loaded from the CDN (design/outlook.md 2.2).
(function () {
  "use strict";
  const noComplaint = () => null;
  const trouble = (name) => (message) => Object.assign(new Error(message || name), { name: `Sys.${name}` });

  // "a.b" becomes window.a.b: the localised texts of Outlook are put into a name space of their own.
  const registerNamespace = (path) => path.split(".").reduce((owner, name) => (owner[name] ??= {}), window);

  window.Type = { registerNamespace, registerClass() {} };
  window.Sys = {
    StringBuilder: class {
      parts = [];
      append(text) { this.parts.push(text); return this; }
      toString() { return this.parts.join(""); }
    },
    Serialization: { JavaScriptSerializer: { serialize: JSON.stringify, deserialize: (text) => JSON.parse(text) } },
    Debug: { trace() {}, assert() {}, fail() {} },
    Browser: { agent: "other", InternetExplorer: "ie" },
  };
  Object.assign(Function, {
    _validateParams: noComplaint,
    _validateParameter: noComplaint,
    createDelegate: (instance, method) => method.bind(instance),
  });
  String.format = (pattern, ...values) => pattern.replace(/\{(\d+)\}/g, (_, index) => values[Number(index)] ?? "");
  for (const name of ["argument", "argumentNull", "argumentOutOfRange", "argumentType", "argumentUndefined",
    "invalidOperation", "notImplemented", "parameterCount", "create"]) {
    Error[name] = trouble(name);
  }
})();

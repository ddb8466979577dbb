// The yardstick for the pane's start: nothing but office.js. Interactive when the host is known.
Office.onReady(() => (document.documentElement.dataset.ready = "true"));

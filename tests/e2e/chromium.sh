#!/usr/bin/env bash
# Chromium without the pages that its own address bar is made of: nobody sees them in a test, and each new window
# would start a process that draws them and takes ten times as long as an empty page. Only the last
# --disable-features counts, so they are added to those that Playwright names.
chrome=WebUIOmniboxPopup,WebUIOmniboxAimPopup,PreloadTopChromeWebUI
exec "$(command -v chromium || command -v chromium-browser)" "${@/#--disable-features=/--disable-features=$chrome,}"

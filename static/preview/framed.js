/** The compose window in a frame of the live preview: its pane is open from the beginning. */

import { composeWindow } from "./compose.js";

composeWindow(document).open();

/** Starts what a page needs. Modules find their elements themselves and do nothing where there are none. */
import { startDialogs } from "./dialog.js";
import { startDrawer } from "./drawer.js";
import { startMenus } from "./menu.js";
import { startQueue } from "./queue.js";
import { startShortcuts } from "./shortcut.js";
import { startTheme } from "./theme.js";
import { startToasts } from "./toast.js";
import { startTriggers } from "./trigger.js";
import { startWorkspace } from "./workspace.js";
import { startAgents } from "./agents.js";
import { startCopy } from "./copy.js";
import { startRows } from "./rows.js";

startTheme();
startMenus();
startToasts();
startTriggers();
startDialogs();
startShortcuts();
startDrawer();
startQueue();
startAgents();
startRows();
startCopy();
startWorkspace();
document.body.dataset.ready = "true";

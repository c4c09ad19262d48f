/** Starts what a page needs. Modules find their elements themselves and do nothing where there are none. */
import { startDialogs } from "./dialog.js";
import { startColumns } from "./columns.js";
import { startDrawer } from "./drawer.js";
import { startFilter } from "./filter.js";
import { startMenus } from "./menu.js";
import { startQueue } from "./queue.js";
import { startShortcuts } from "./shortcut.js";
import { startTheme } from "./theme.js";
import { startToasts } from "./toast.js";
import { startTree } from "./tree.js";
import { startTriggers } from "./trigger.js";
import { startWorkspace } from "./workspace.js";
import { startAgents } from "./agents.js";

startTheme();
startMenus();
startToasts();
startTriggers();
startDialogs();
startShortcuts();
startDrawer();
startQueue();
startTree();
startFilter();
startColumns();
startAgents();
startWorkspace();
document.body.dataset.ready = "true";

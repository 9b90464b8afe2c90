// Made by js/views.mjs from semlens_widgets/views.json, when the windows are built.

import { alone } from "../shared/alone.js";
import { withWork } from "../shared/work.js";
import { checklistView } from "./view.js";

export default alone(withWork(checklistView));

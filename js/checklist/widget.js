/** `AuditChecklist`: the audit alone. */

import "../shared/theme.css";
import "../shared/layout.css";
import "../shared/heading.css";
import "../shared/low.css";
import "../shared/parts.css";
import "./view.css";
import { withCatalog } from "../shared/catalog.js";
import { mount } from "../shared/mount.js";
import { checklistView } from "./view.js";

const TRAITS = ["audit_version", "audit_target", "audit_level", "selection"];

/** @param {{model: import("../shared/channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget */
const render = (widget) =>
  mount(
    widget,
    TRAITS,
    withCatalog((context) =>
      checklistView(
        { ...context, act: (trait, value) => context.set({ [trait]: value }), tell: () => {} },
        { alone: true },
      ),
    ),
  );

export default { render };

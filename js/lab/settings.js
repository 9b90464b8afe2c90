/**
 * Settings that windows follow. Windows are widgets of a kernel and know nothing of JupyterLab: what they follow
 * stands on the page's body (see `js/shared/preferences.js`).
 */

import { remember } from "../shared/preferences.js";

export const PLUGIN = "semlens-widgets:plugin";

/** @typedef {{clip: string, thumbnail: number, columns: number, figureTheme: "print" | "light" | "dark", keys: boolean}} Settings */

/** @type {Settings} What holds where there is no settings registry, as the schema says. */
const DEFAULTS = {
  clip: "MobileCLIP2-S2 dfndr2b",
  thumbnail: 128,
  columns: 0,
  figureTheme: "print",
  keys: true,
};

/**
 * The settings as they are now, kept on the page's body for the windows.
 * @param {import("@jupyterlab/settingregistry").ISettingRegistry | null} registry
 */
export function followSettings(registry) {
  /** @type {Settings} */
  let current = DEFAULTS;
  /** @type {import("@jupyterlab/settingregistry").ISettingRegistry.ISettings | null} */
  let loaded = null;
  remember(current);
  registry?.load(PLUGIN).then(
    (settings) => {
      loaded = settings;
      const take = () => {
        current = { ...DEFAULTS, .../** @type {any} */ (settings.composite) };
        remember(current);
      };
      settings.changed.connect(take);
      take();
    },
    (error) => console.error("The settings of SemanticLens could not be loaded", error),
  );
  return {
    get: () => current,
    /** @template {keyof Settings} Name @param {Name} name @param {Settings[Name]} value */
    async set(name, value) {
      current = { ...current, [name]: value };
      remember(current);
      await loaded?.set(name, value);
    },
  };
}

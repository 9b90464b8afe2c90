/** The icon of files, commands, launcher and panel: a lens over three marks. */

import { LabIcon } from "@jupyterlab/ui-components";

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">
  <g class="jp-icon3" fill="none" stroke="#616161" stroke-width="1.4" stroke-linecap="round">
    <circle cx="7" cy="7" r="4.8"/><path d="m10.600 10.600 3.400 3.400"/>
  </g>
  <g class="jp-icon3" fill="#616161"><circle cx="5.400" cy="7.900" r="1"/><circle cx="7.400" cy="5.300" r="1"/><circle cx="8.900" cy="8.300" r="1"/></g>
</svg>`;

export const lensIcon = new LabIcon({ name: "semlens:lens", svgstr: SVG });

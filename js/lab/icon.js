/** The icon of files, commands, launcher and panel: a lens over three marks. */

import { LabIcon } from "@jupyterlab/ui-components";

// Everything is filled, nothing stroked: JupyterLab gives `jp-icon3` its fill in every theme.
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">
  <g class="jp-icon3" fill="#616161">
    <path fill-rule="evenodd" d="M7 1.500a5.500 5.500 0 1 0 0 11a5.500 5.500 0 1 0 0-11Zm0 1.500a4 4 0 1 1 0 8a4 4 0 1 1 0-8Z"/>
    <path d="m10.100 11.200 1.100-1.100 3.600 3.600-1.100 1.100Z"/>
    <path d="M5.300 6.900a1 1 0 1 0 0 2a1 1 0 1 0 0-2Zm1.900-2.700a1 1 0 1 0 0 2a1 1 0 1 0 0-2Zm1.600 2.900a1 1 0 1 0 0 2a1 1 0 1 0 0-2Z"/>
  </g>
</svg>`;

export const lensIcon = new LabIcon({ name: "semlens:lens", svgstr: SVG });

/** The notebooks that commands write: plain values, so that what they say can be tested. */

import { literal } from "../shared/python.js";

/** @typedef {{name: string, display_name?: string}} KernelSpec */
/** @typedef {{clip: string, thumbnail: number}} Defaults */

/** @param {string} source */
const code = (source) => ({
  cell_type: "code",
  metadata: {},
  source,
  outputs: [],
  execution_count: null,
});

/** @param {string} source */
const markdown = (source) => ({ cell_type: "markdown", metadata: {}, source });

/**
 * An nbformat 4.4 document.
 * @param {object[]} cells @param {KernelSpec | null} kernel
 */
function notebook(cells, kernel) {
  const kernelspec = kernel && { name: kernel.name, display_name: kernel.display_name ?? kernel.name };
  return {
    nbformat: 4,
    nbformat_minor: 4,
    metadata: { language_info: { name: "python" }, ...(kernelspec && { kernelspec }) },
    cells,
  };
}

/** "MobileCLIP2-S2 dfndr2b" or a folder, as the arguments of OpenClip. @param {string} clip */
export function clipArguments(clip) {
  const [model, ...rest] = clip.trim().split(/\s+/);
  const isFolder = /[/\\]/.test(clip) || rest.length !== 1;
  return isFolder ? literal(clip.trim()) : `${literal(model)}, ${literal(rest[0])}`;
}

/** A new audit of the person's own model. @param {Defaults} defaults @param {KernelSpec | null} kernel */
export const auditNotebook = ({ clip, thumbnail }, kernel) =>
  notebook(
    [
      markdown(
        "# What has this model learned, and may it use it?\n\nFill in your model and your images, then run the cells from top to bottom.",
      ),
      code(
        `import semlens_widgets as sl
from torchvision.models import ResNet50_Weights, resnet50

weights = ResNet50_Weights.IMAGENET1K_V2
model = resnet50(weights=weights)
images = sl.images("path/to/images", transform=weights.transforms())  # a folder with a sub-folder per class
clip = sl.OpenClip(${clipArguments(clip)})`,
      ),
      code(
        `lens = sl.Lens(model, images, layers=["layer3", "layer4"], clip=clip)
lens.fit(thumbnail=${thumbnail}, relevance=True)`,
      ),
      code("lens.show()"),
      markdown(
        `In the tab **Audit** say what the model should use and what it must not: open a checklist you have, start empty, or from an example. The same in Python:

\`\`\`python
lens.checklist = sl.Checklist(valid=["what it should use"], spurious=["ruler", "text"])
lens.checklist = sl.Checklist.from_file("checklist.md")  # or .json, .csv
lens.checklist = sl.Checklist.abcde()  # for moles
\`\`\``,
      ),
    ],
    kernel,
  );

/** A saved lens, live. @param {string} file its name beside the notebook @param {KernelSpec | null} kernel */
export const openNotebook = (file, kernel) =>
  notebook([code(`import semlens_widgets as sl\n\nlens = sl.open(${literal(file)})\nlens.show()`)], kernel);

/** The built-in demo. @param {KernelSpec | null} kernel */
export const demoNotebook = (kernel) =>
  notebook(
    [
      markdown(
        "# SemanticLens on its demo\n\nA small classifier of **synthetic** skin pictures with planted shortcuts. Drawings made by a program, not medical data.",
      ),
      code("import semlens_widgets as sl\n\nlens = sl.demo.lens()\nlens.show()"),
    ],
    kernel,
  );

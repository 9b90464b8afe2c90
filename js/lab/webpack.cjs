/** How JupyterLab's builder bundles the extension: its styles go through esbuild, as those of the windows do. */
module.exports = {
  module: { rules: [{ test: /\/js\/.*\.css$/, enforce: "pre", use: require.resolve("./lower.cjs") }] },
};

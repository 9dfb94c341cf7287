// Load a package of CommonJS and what it requires.
const loaded = new Map();

export async function load(name) {
  if (loaded.has(name)) return loaded.get(name).exports;
  const module = { exports: {} };
  loaded.set(name, module);
  const file = await fetch(`/main/${name}`);
  // Only parts that are not used here (advertisements) require what is not there (modules of Node.js).
  const source = file.ok ? await file.text() : "";
  for (const [, needed] of source.matchAll(/\brequire\("([^"]+)"\)/g)) await load(needed);
  const require = (it) => loaded.get(it)?.exports ?? {};
  new Function("module", "exports", "require", source)(module, module.exports, require);
  return module.exports;
}

/** Opens a link that creates or follows a session: posts to the server, which makes nothing for a mere GET of a browser. */

import { CREATE, FOLLOW, addresses, getJson, pageOf, post } from "./api.js";

/** Read the link from the path of a page; null if it is no such link. @returns {{kind: "create" | "follow", name: string} | null} */
export function linkOf(pathname) {
  const match = pathname.match(/^\/session\/(create|follow)\/([^/]+)$/);
  return match && { kind: match[1], name: decodeURIComponent(match[2]) };
}

/** Create or join, or follow. Resolves to the path of the session's page; throws what `post` throws. */
export async function openLink({ kind, name }) {
  await visited();
  if (kind === "follow") return pageOf((await post(FOLLOW, { sessionName: name })).sessionId);
  try {
    return pageOf((await post(CREATE, { sessionName: name })).sessionId);
  } catch (error) {
    if (await exists(name, error)) return pageOf(name);
    throw error;
  }
}

/** Return true if there is a session of that name. Some exist whose name can't be given to a new one: "master", for example. */
async function exists(name, { code }) {
  return code === "session_exists" || (code === "bad_session_name" && (await getJson(addresses(name).info)) !== null);
}

/** Wait until a person sees the page: browsers load pages ahead that nobody may ever open. */
function visited() {
  if (!document.prerendering) return null;
  return new Promise((resolve) => document.addEventListener("prerenderingchange", resolve, { once: true }));
}

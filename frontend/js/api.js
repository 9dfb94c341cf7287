/** The URLs of a session, and all requests except streams. */

/** Read the session id from the path of a page: `/` is the master. Links that make a session have an id, too. @returns {string} */
export function sessionOf(pathname) {
  const match = pathname.match(/^\/session\/(?:follow\/|create\/)?([^/]+)\/?$/);
  return match ? decodeURIComponent(match[1]) : "master";
}

const path = encodeURIComponent;

export function addresses(sessionId) {
  const id = path(sessionId);
  return {
    whep: `/whep/${id}`,
    events: `/events/${id}`,
    stream: `/stream/${id}`,
    info: `/api/session/info?sessionId=${id}`,
    command: (name) => `/session/${id}/${name}`,
  };
}

export const CREATE = "/api/session/create";
export const FOLLOW = "/api/session/follow";
export const MAP = "/api/map";
export const LIBRARY = "/api/library";
export const LIST = "/api/session/list";
export const pageOf = (sessionId) => (sessionId === "master" ? "/" : `/session/${path(sessionId)}`);
export const followOf = (sessionId) => `/session/follow/${path(sessionId)}`;
export const codeOf = (sessionId) => `/session/${path(sessionId)}/qr.svg`;
export const trackOf = (id) => `/api/tracks/${path(id)}`;
export const coverOf = (track) => `/api/tracks/${path(track.id)}/cover`;
export const searchOf = (query, limit) => `/api/tracks?q=${path(query)}&limit=${limit}`;

/** Fetch JSON; null on any error. @returns {Promise<object | null>} */
export async function getJson(url) {
  const response = await fetch(url).catch(() => null);
  return response?.ok ? response.json().catch(() => null) : null;
}

/**
 * Fetch JSON that seldom changes. Return null if it is still that of the `tag` from the last time, or on any error.
 * @returns {Promise<{tag: string, json: object} | null>}
 */
export async function getChanged(url, tag) {
  const response = await fetch(url).catch(() => null);
  const latest = response?.headers.get("ETag") ?? "";
  if (!response?.ok || (latest && latest === tag)) return null;
  const json = await response.json().catch(() => null);
  return json && { tag: latest, json };
}

/**
 * Ask the server about a session. Return its error if the session does not exist.
 * Return null for anything else, such as a 404 from a proxy or no answer: they don't prove that the session is gone.
 * @returns {Promise<{code: string, error: string} | null>}
 */
export async function missingSession(infoUrl) {
  const response = await fetch(infoUrl).catch(() => null);
  if (response?.status !== 404) return null;
  const answer = await response.json().catch(() => null);
  return answer?.code === "session_not_found" || answer?.code === "target_not_found" ? answer : null;
}

/** Post JSON. Throw an Error whose message can be shown to the user; it has the server's `code`, if there is one. */
export async function post(url, body = {}) {
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("Cannot reach the server.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(answer.error ?? "The server could not do this."), { code: answer.code });
  return answer;
}

/** The addresses of one session and the requests that aren't streams. */

/** @returns {string} the session of a page's path: `/` is the master's. A link that led nowhere still names one. */
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
export const MAP = "/api/map";
export const LIBRARY = "/api/library";
export const LIST = "/api/session/list";
export const pageOf = (sessionId) => (sessionId === "master" ? "/" : `/session/${path(sessionId)}`);
export const followOf = (sessionId) => `/session/follow/${path(sessionId)}`;
export const codeOf = (sessionId) => `/session/${path(sessionId)}/qr.svg`;
export const coverOf = (track) => `/api/tracks/${path(track.id)}/cover`;
export const searchOf = (query, limit) => `/api/tracks?q=${path(query)}&limit=${limit}`;

/** @returns {Promise<object | null>} */
export async function getJson(url) {
  const response = await fetch(url).catch(() => null);
  return response?.ok ? response.json().catch(() => null) : null;
}

/**
 * What the server itself says of a session that there is not (any more); a proxy's 404 or silence says nothing.
 * @returns {Promise<{code: string, error: string} | null>}
 */
export async function whyGone(infoUrl) {
  const response = await fetch(infoUrl).catch(() => null);
  if (response?.status !== 404) return null;
  const answer = await response.json().catch(() => null);
  return answer?.code === "session_not_found" || answer?.code === "target_not_found" ? answer : null;
}

/** Posts JSON; throws an Error whose message is a sentence for the listener. */
export async function post(url, body = {}) {
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The server could not be reached.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? "The server could not do that.");
  return answer;
}

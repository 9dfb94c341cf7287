/** The addresses of one session and the requests that aren't streams. */

/** @returns {string} the session of a page's path: `/` is the master's */
export function sessionOf(pathname) {
  const match = pathname.match(/^\/session\/([^/]+)\/?$/);
  return match ? decodeURIComponent(match[1]) : "master";
}

export function addresses(sessionId) {
  const id = encodeURIComponent(sessionId);
  return {
    whep: `/whep/${id}`,
    events: `/events/${id}`,
    stream: `/stream/${id}`,
    info: `/api/session/info?sessionId=${id}`,
    next: `/session/${id}/next-track`,
  };
}

export const coverOf = (track) => `/api/tracks/${encodeURIComponent(track.id)}/cover`;

/** @returns {Promise<object | null>} */
export async function getJson(url) {
  const response = await fetch(url).catch(() => null);
  return response?.ok ? response.json().catch(() => null) : null;
}

/** Posts a command; throws an Error whose message is a sentence for the listener. */
export async function command(url, body = {}) {
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

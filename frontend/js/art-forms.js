/** The drawings of generated covers. Each function fills a square of `side` pixels; `random` decides the details. */

const TAU = 2 * Math.PI;
const between = (random, low, high) => low + random() * (high - low);
const whole = (random, low, high) => Math.floor(between(random, low, high + 1));

function disc(context, x, y, radius, color) {
  context.fillStyle = color;
  context.beginPath();
  context.arc(x, y, radius, 0, TAU);
  context.fill();
}

/** Draw layers of hills under a sun. */
export function strata(context, side, random, { accent, tone }) {
  disc(context, side * between(random, 0.25, 0.75), side * between(random, 0.24, 0.42), side * between(random, 0.1, 0.2), accent);
  const layers = whole(random, 6, 10);
  for (let i = 0; i < layers; i++) {
    const waves = [1, 2, 3].map((k) => ({ height: between(random, 0.01, 0.07) / k, turns: between(random, 0.4, 1.1) * k, phase: random() * TAU }));
    const base = 0.36 + (0.62 * i) / layers;
    context.fillStyle = tone(i / (layers - 1));
    context.beginPath();
    context.moveTo(0, side);
    for (let x = 0; x <= side; x += 4) {
      const lift = waves.reduce((sum, w) => sum + w.height * Math.sin((x / side) * w.turns * TAU + w.phase), base);
      context.lineTo(x, lift * side);
    }
    context.lineTo(side, side);
    context.fill();
  }
}

/** Draw Truchet tiles: quarter circles, three lanes wide, that join into endless paths. */
export function tiles(context, side, random, { accent, light, tone }) {
  const count = whole(random, 3, 7);
  const cell = Math.ceil(side / count); // whole pixels: otherwise gaps between the tiles are visible
  const lanes = [tone(0.45), tone(0.9), random() < 0.5 ? accent : light];
  for (let turn = whole(random, 0, 2); turn > 0; turn--) lanes.push(lanes.shift());
  const arc = (x, y, from) => {
    lanes.forEach((color, lane) => {
      context.strokeStyle = color;
      context.lineWidth = cell / 6 + 0.5;
      context.beginPath();
      context.arc(x, y, (cell * (2 + lane)) / 6, from, from + TAU / 4);
      context.stroke();
    });
  };
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < count; column++) {
      const [x, y] = [column * cell, row * cell];
      context.save();
      context.beginPath();
      context.rect(x, y, cell, cell);
      context.clip();
      if (random() < 0.5) {
        arc(x, y, 0);
        arc(x + cell, y + cell, TAU / 2);
      } else {
        arc(x + cell, y, TAU / 4);
        arc(x, y + cell, (3 * TAU) / 4);
      }
      context.restore();
    }
  }
}

/** Draw a record that is cut into shifted strips. */
export function rings(context, side, random, { accent, light, tone }) {
  const strips = whole(random, 2, 6);
  const grooves = whole(random, 9, 15);
  const reach = side * between(random, 0.44, 0.6);
  context.translate(side / 2, side / 2);
  context.rotate((whole(random, 0, 3) * TAU) / 8);
  for (let strip = 0; strip < strips; strip++) {
    const left = -side + (2 * side * strip) / strips;
    const slip = side * between(random, -0.16, 0.16);
    context.save();
    context.beginPath();
    context.rect(left, -side, (2 * side) / strips + 0.5, 2 * side);
    context.clip();
    for (let groove = 0; groove < grooves; groove++) {
      disc(context, 0, slip, reach * (1 - groove / grooves), tone(groove % 2 ? 0.12 : 0.35 + (0.65 * groove) / grooves));
    }
    disc(context, 0, slip, reach * 0.24, accent);
    disc(context, 0, slip, reach * 0.05, light);
    context.restore();
  }
}

/** Draw a Chladni figure: the pattern of sand on a vibrating plate. */
export function plate(context, side, random, { accent, light, tone }) {
  const n = whole(random, 2, 5);
  const m = n + whole(random, 1, 4);
  const sign = random() < 0.5 ? 1 : -1;
  const tilt = between(random, -0.35, 0.35);
  const angle = (k, v) => Math.cos((k * Math.PI * v) / side);
  const wave = (x, y) => angle(n, x) * angle(m, y) + sign * angle(m, x) * angle(n, y) + tilt * angle(1, x) * angle(2, y);
  const grain = side / 80;
  for (let x = 0; x < side; x += grain) {
    for (let y = 0; y < side; y += grain) {
      const value = wave(x + grain / 2, y + grain / 2);
      const size = grain * Math.min(1, 0.3 + Math.abs(value));
      if (Math.abs(value) < 0.14) disc(context, x + grain / 2, y + grain / 2, grain * 0.3, light);
      else if (Math.abs(value) > 0.3) disc(context, x + grain / 2, y + grain / 2, size * 0.42, value > 0 ? tone(0.8) : accent);
    }
  }
}

/** Draw rows of pulses of different height, like a score. */
export function bands(context, side, random, { accent, light, tone }) {
  const rows = whole(random, 5, 8);
  const margin = side * 0.11;
  const height = (side - 2 * margin) / rows;
  const special = whole(random, 0, rows - 1);
  for (let row = 0; row < rows; row++) {
    const beats = whole(random, 7, 22);
    const step = (side - 2 * margin) / beats;
    const turns = between(random, 0.5, 2.5);
    const phase = random() * TAU;
    for (let beat = 0; beat < beats; beat++) {
      const swell = 0.5 + 0.5 * Math.sin((beat / beats) * turns * TAU + phase);
      const tall = height * (0.12 + 0.74 * swell);
      context.fillStyle = row === special ? accent : random() < 0.06 ? light : tone(0.3 + 0.7 * swell);
      context.fillRect(margin + beat * step + step * 0.14, margin + row * height + (height - tall) / 2, step * 0.72, tall);
    }
  }
}

/** Coastlines of the world from Natural Earth (public domain), as the package world-atlas carries them. */
import { createRequire } from 'node:module';
import type { GeoPermissibleObjects } from 'd3-geo';
import { feature } from 'topojson-client';

type Topology = Parameters<typeof feature>[0];

const require = createRequire(import.meta.url);

/** Land as polygons, degrees: 1:110 million for maps of continents and oceans, 1:50 million for what is smaller. */
export function landOf(scale: '110m' | '50m'): GeoPermissibleObjects {
  const atlas = require(`world-atlas/land-${scale}.json`) as Topology;
  return feature(atlas, atlas.objects.land!);
}

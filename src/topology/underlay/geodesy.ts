/** Great circles on a sphere of the Earth's mean radius (IUGG, 6371.0088 km): within 0.6 % of the ellipsoid. */

const earthRadiusKm = 6371.0088;

/** Unit vectors of places given in degrees: x, y, z of place k at 3k. Nearby places stay apart, unlike with cosines. */
export function unitVectors(latitude: ArrayLike<number>, longitude: ArrayLike<number>): Float64Array {
  const vectors = new Float64Array(3 * latitude.length);
  for (let place = 0; place < latitude.length; place++) {
    const phi = (latitude[place]! * Math.PI) / 180;
    const lambda = (longitude[place]! * Math.PI) / 180;
    vectors[3 * place] = Math.cos(phi) * Math.cos(lambda);
    vectors[3 * place + 1] = Math.cos(phi) * Math.sin(lambda);
    vectors[3 * place + 2] = Math.sin(phi);
  }
  return vectors;
}

/** Km along the great circle between two of `unitVectors`. */
export function greatCircleKm(vectors: Float64Array, one: number, other: number): number {
  const dx = vectors[3 * one]! - vectors[3 * other]!;
  const dy = vectors[3 * one + 1]! - vectors[3 * other + 1]!;
  const dz = vectors[3 * one + 2]! - vectors[3 * other + 2]!;
  const halfChord = Math.sqrt(dx * dx + dy * dy + dz * dz) / 2;
  return 2 * earthRadiusKm * Math.asin(Math.min(1, halfChord));
}

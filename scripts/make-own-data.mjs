/**
 * Writes topologies/own-data/<island>.csv from the shipped penguins: one file per island, as three silos would each have their own.
 * Rows without sex or measurements are left out. Run: node scripts/make-own-data.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';

const topologies = new URL('../topologies/', import.meta.url);
const penguins = JSON.parse(readFileSync(new URL('data/penguins.json', topologies), 'utf8'));
const columns = {
  species: 'Species',
  sex: 'Sex',
  bill_length_mm: 'Beak Length (mm)',
  bill_depth_mm: 'Beak Depth (mm)',
  flipper_length_mm: 'Flipper Length (mm)',
  body_mass_g: 'Body Mass (g)',
};

const complete = penguins
  .map((penguin) => ({ ...penguin, Sex: penguin.Sex?.toLowerCase() }))
  .filter(({ Sex }) => Sex === 'male' || Sex === 'female');
for (const island of new Set(complete.map(({ Island }) => Island))) {
  const rows = complete.filter(({ Island }) => Island === island);
  const lines = rows.map((row) =>
    Object.values(columns)
      .map((name) => row[name])
      .join(','),
  );
  const file = `${island.toLowerCase()}.csv`;
  writeFileSync(
    new URL(`own-data/${file}`, topologies),
    `${[Object.keys(columns).join(','), ...lines].join('\n')}\n`,
  );
  console.log(`${file}: ${rows.length} rows`);
}

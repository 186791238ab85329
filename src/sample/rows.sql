-- The rows of the sample catalogue. `size` holds how many there are; draw(topic, row, low, high) and
-- checksum(topic, row) make up values: the same seed, topic and row always give the same one.

CREATE TEMP TABLE number AS WITH RECURSIVE number (n) AS (
  SELECT 0 UNION ALL SELECT n + 1 FROM number, size WHERE n < max(sessions, files, links, 16) - 1
) SELECT n FROM number;

CREATE TEMP TABLE target (number INTEGER PRIMARY KEY, name, kind, ra, dec);
INSERT INTO target VALUES
  (0, 'M31', 'galaxy', '00 42 44.3', '+41 16 09'),
  (1, 'M33', 'galaxy', '01 33 50.9', '+30 39 37'),
  (2, 'M42', 'nebula', '05 35 17.3', '-05 23 28'),
  (3, 'M51', 'galaxy', '13 29 52.7', '+47 11 43'),
  (4, 'M81', 'galaxy', '09 55 33.2', '+69 03 55'),
  (5, 'M101', 'galaxy', '14 03 12.6', '+54 20 57'),
  (6, 'NGC 7000', 'nebula', '20 59 17.1', '+44 31 44'),
  (7, 'NGC 6960', 'supernova remnant', '20 45 38.0', '+30 42 30'),
  (8, 'NGC 281', 'nebula', '00 52 59.3', '+56 37 19'),
  (9, 'NGC 891', 'galaxy', '02 22 33.4', '+42 20 57'),
  (10, 'IC 1805', 'nebula', '02 32 42.0', '+61 27 00'),
  (11, 'IC 5070', 'nebula', '20 51 00.0', '+44 22 00'),
  (12, 'Sh2-129', 'nebula', '21 11 48.0', '+59 59 12'),
  (13, 'LDN 1251', 'dark nebula', '22 35 00.0', '+75 15 00'),
  (14, 'Abell 39', 'planetary nebula', '16 27 33.7', '+27 54 33'),
  (15, 'Barnard''s Star', 'star', '17 57 48.5', '+04 41 36');

CREATE TEMP TABLE site (number INTEGER PRIMARY KEY, site_name, latitude, longitude, elevation);
INSERT INTO site VALUES (0, 'Backyard', 47.3769, 8.5417, 432.0),
  (1, 'Gornergrat', 45.9836, 7.7847, 3135.0), (2, 'Tivoli Farm', -23.4606, 18.0158, 1345.0);

INSERT INTO cameras VALUES
  (1, 'ASI2600MM', 6248, 4176, 3.76, '1x1,2x2', NULL, 1),
  (2, 'ASI2600MC', 6248, 4176, 3.76, '1x1,2x2', NULL, 1),
  (3, 'ASI6200MM', 9576, 6388, 3.76, '1x1,2x2', NULL, 1),
  (4, 'QHY268M', 6280, 4210, 3.76, '1x1,2x2', NULL, 1),
  (5, 'ASI533MC', 3008, 3008, 3.76, '1x1,2x2', NULL, 1),
  (6, 'EOS6Da', 5496, 3670, 6.54, NULL, NULL, 1);
INSERT INTO telescopes VALUES
  (1, 'RC8', 1625, 203, 'reflector', NULL, 1),
  (2, 'FSQ106', 530, 106, 'refractor', NULL, 1),
  (3, 'Esprit120', 840, 120, 'refractor', NULL, 1),
  (4, 'C11', 2800, 279.4, 'catadioptric', 'sold in 2024', 0),
  (5, 'RedCat51', 250, 51, 'refractor', NULL, 1);
-- The first seven are those that frames are taken with; the others are other spellings.
INSERT INTO filter_mappings VALUES
  (1, 'Ha', 'Ha', 'narrowband', '3nm', NULL), (2, 'OIII', 'OIII', 'narrowband', '3nm', NULL),
  (3, 'SII', 'SII', 'narrowband', '3nm', NULL), (4, 'L', 'L', 'broadband', NULL, NULL),
  (5, 'R', 'R', 'broadband', NULL, NULL), (6, 'G', 'G', 'broadband', NULL, NULL),
  (7, 'B', 'B', 'broadband', NULL, NULL), (8, 'H-alpha', 'Ha', 'narrowband', '7nm', NULL),
  (9, 'O3', 'OIII', 'narrowband', '6.5nm', NULL), (10, 'S2', 'SII', 'narrowband', '6.5nm', NULL),
  (11, 'Lum', 'L', 'broadband', NULL, NULL), (12, 'Luminance', 'L', 'broadband', NULL, NULL),
  (13, 'Red', 'R', 'broadband', NULL, NULL), (14, 'L-eXtreme', 'HO', 'dualband', '7nm', NULL);
INSERT INTO system_settings SELECT *, '2023-02-12 00:00:00.000000' FROM (
  VALUES ('image_dir', '/astro/lights'), ('incoming_dir', '/incoming'), ('extract_headers', 'true'),
    ('default_observer', 'Zoë Lindqvist'), ('theme', ''));

-- The nights: one camera behind one telescope. There is at least one, so that files always have a night.
-- Where there are many sessions, 24 share a night, so that the years stay believable.
CREATE TEMP TABLE night AS
SELECT n AS number, day, date(day * 86400, 'unixepoch') AS date,
  date(day * 86400, 'unixepoch') || '_' || camera.name || '_' || telescope.name AS session_id,
  camera.name AS camera, x_pixels, y_pixels, pixel_size,
  CASE WHEN camera.name LIKE '%MC' THEN 'colour' WHEN camera.name LIKE 'EOS%' THEN 'photographic' ELSE 'mono'
  END AS sensor,
  telescope.name AS telescope, focal_length, site_name, latitude, longitude, elevation,
  '["A. Meier", "J. Okafor", "Zoë Lindqvist"]' ->> draw('observer', n, 0, 2) AS observer,
  draw('guided', n, 1, 100) <= 70 AS guided,
  draw('weather', n, 1, 100) <= 50 AS weather,
  draw('boltwood', n, 1, 100) <= 10 AS boltwood
FROM (
  SELECT n, night, night * 7 + n % shared AS pair, 19358 + night * 4 + night % 3 AS day
  FROM (
    SELECT n, shared, n / shared AS night
    FROM number, (SELECT iif(sessions > 1200, 24, 1) AS shared FROM size)
  )
) AS planned
JOIN cameras AS camera ON camera.id = pair % 6 + 1
JOIN telescopes AS telescope ON telescope.id = pair / 6 % 5 + 1
JOIN site ON site.number = draw('site', n, 0, 2)
WHERE n < (SELECT max(sessions, 1) FROM size)
ORDER BY n;
CREATE UNIQUE INDEX temp.night_number ON night (number);

INSERT INTO sessions (rowid, session_id, session_date, telescope, camera, site_name, latitude, longitude, elevation,
  observer, notes, avg_seeing, avg_sky_quality, avg_cloud_cover, created_at, updated_at)
SELECT n + 1 + n / 13, session_id, date, telescope, camera, site_name, latitude, longitude, elevation, observer,
  iif(draw('has notes', n, 1, 100) <= 25, 'Moon ' || draw('moon', n, 0, 100) || ' %', NULL),
  iif(measured, draw('seeing', n, 1.2, 4.5), NULL),
  iif(measured, draw('sky quality', n, 18.0, 21.9), NULL),
  iif(measured, draw('clouds', n, 0.0, 60.0), NULL),
  datetime((day + 1) * 86400 + draw('morning', n, 25000, 40000), 'unixepoch') || '.000000',
  iif(draw('updated', n, 1, 100) <= 30, datetime((day + 9) * 86400 + 61000, 'unixepoch') || '.000000', NULL)
FROM (SELECT *, number AS n, draw('measured', number, 1, 100) <= 60 AS measured FROM night), size
WHERE n < sessions ORDER BY n;

INSERT INTO process_log
SELECT n + 1, session_id, target.name, 'LIGHT', datetime((day + 1) * 86400 + 30000, 'unixepoch') || '.000000',
  failed > 0, iif(failed > 0, 'unreadable headers', NULL), draw('processed', n, 10, 120), failed
FROM (SELECT *, number AS n, max(0, draw('failed', number, -100, 9)) AS failed FROM night), size
JOIN target ON target.number = draw('logged', n, 0, 15)
WHERE n < sessions ORDER BY n;

INSERT INTO object_processing_log
SELECT number + 1, raw || '_0001.fits', raw, name, iif(number % 5 = 4, 'no such object', NULL),
  datetime(19400 * 86400 + number * 61 + 61, 'unixepoch') || '.000000'
FROM (SELECT *, lower(replace(name, ' ', '_')) AS raw FROM target);

-- The pictures, spread over the sessions in the order in which they were taken. Their ids have holes; each fills
-- between 25 and 70 of its 74 columns.
INSERT INTO fits_files
WITH taken AS MATERIALIZED (
  SELECT n, night.*, taken_on.sessions,
    place % files / taken_on.sessions AS within,
    day * 86400 + 68400 + place % files / taken_on.sessions * 310 % 40000 AS start,
    CASE WHEN drawn <= 85 THEN 'LIGHT' WHEN drawn <= 92 THEN 'DARK' WHEN drawn <= 97 THEN 'FLAT' ELSE 'BIAS'
    END AS frame_type,
    draw('moved', n, 1, 100) <= 20 AS moved
  FROM (
    SELECT n, files, nights AS sessions, n * nights AS place, draw('kind', n, 1, 100) AS drawn
    FROM number, (SELECT files, max(sessions, 1) AS nights FROM size) WHERE n < files
  ) AS taken_on
  CROSS JOIN night ON night.number = place / files
), frame AS MATERIALIZED (
  SELECT taken.*, target.name AS target, target.ra, target.dec, frame_type = 'LIGHT' AS is_light,
    CASE WHEN frame_type IN ('LIGHT', 'DARK')
        THEN '[30.0, 60.0, 120.0, 180.0, 300.0, 600.0]' ->> draw('exposure', n, 0, 5)
      WHEN frame_type = 'FLAT' THEN draw('exposure', n, 0.5, 4.0) ELSE 0.001 END AS exposure,
    iif(sensor = 'mono' AND frame_type IN ('LIGHT', 'FLAT'),
      (SELECT raw_name FROM filter_mappings WHERE id = draw('filter', n, 1, 7)), NULL) AS filter,
    frame_type = 'LIGHT' AND draw('analysed', n, 1, 100) <= 80 AS analysed,
    206.265 * pixel_size / focal_length AS scale
  FROM taken CROSS JOIN target ON target.number = (day + within / 40) % 16
), named AS MATERIALIZED (
  SELECT *, n + 1 + n / 97 AS id,
    printf('%s_%s_%gs_%06d.fits', iif(is_light, target, frame_type), coalesce(filter, 'none'), exposure, n + 1 + n / 97)
      AS file
  FROM frame
)
SELECT id,
  file,
  '/astro/' || lower(frame_type) || '/' || session_id AS folder,
  iif(is_light, target, NULL) AS object, date AS obs_date,
  datetime(start, 'unixepoch') || '.000000' AS obs_timestamp,
  iif(is_light, ra, NULL) AS ra, iif(is_light, dec, NULL) AS dec, x_pixels AS x, y_pixels AS y,
  iif((SELECT sessions FROM size) = 0 OR n % 211 = 210, NULL, session_id) AS session_id,
  frame_type, filter, focal_length, exposure, camera, telescope, checksum('file', n) AS md5sum,
  latitude, longitude, elevation,
  scale * x_pixels / 3600 AS fov_x, scale * y_pixels / 3600 AS fov_y, scale AS pixel_scale,
  iif(sensor = 'photographic', NULL, '[0, 100, 120]' ->> draw('gain', n, 0, 2)) AS gain,
  iif(sensor = 'photographic', NULL, '[10, 30, 50]' ->> draw('offset', n, 0, 2)) AS "offset",
  draw('egain', n, 0.2, 1.1) AS egain, 1 AS binning_x, 1 AS binning_y,
  draw('sensor temperature', n, -10.4, -9.6) AS sensor_temp,
  CASE sensor WHEN 'mono' THEN 'Low Noise' WHEN 'colour' THEN 'High Gain' END AS readout_mode,
  iif(sensor = 'mono', NULL, 'RGGB') AS bayerpat,
  iif(sensor = 'photographic', '[800, 1600, 3200]' ->> draw('iso', n, 0, 2), NULL) AS iso_speed,
  iif(guided AND is_light, draw('guide rms', n, 0.3, 1.4), NULL) AS guide_rms,
  iif(guided AND is_light, draw('guide fwhm', n, 1.5, 4.5), NULL) AS guide_fwhm,
  iif(guided AND is_light, draw('guide ra', n, 0.2, 1.0), NULL) AS guide_rms_ra,
  iif(guided AND is_light, draw('guide dec', n, 0.2, 1.0), NULL) AS guide_rms_dec,
  iif(weather, draw('temperature', n, -8.0, 21.0), NULL) AS ambient_temp,
  iif(weather, draw('dewpoint', n, -12.0, 9.0), NULL) AS dewpoint,
  iif(weather, draw('humidity', n, 30.0, 98.0), NULL) AS humidity,
  iif(weather, draw('pressure', n, 690.0, 1030.0), NULL) AS pressure,
  iif(weather, draw('sky temperature', n, -32.0, -4.0), NULL) AS sky_temp,
  iif(weather, draw('sky quality of frame', n, 17.5, 21.9), NULL) AS sky_quality_mpsas, NULL AS sky_brightness,
  iif(weather, draw('wind', n, 0.0, 9.0), NULL) AS wind_speed,
  iif(weather, draw('direction', n, 0.0, 359.9), NULL) AS wind_direction,
  iif(weather, draw('gust', n, 0.0, 15.0), NULL) AS wind_gust,
  iif(weather, draw('cover', n, 0.0, 70.0), NULL) AS cloud_cover,
  iif(weather, draw('fwhm', n, 1.1, 4.4), NULL) AS seeing_fwhm,
  draw('focuser', n, 8000, 24000) AS focuser_position, draw('focuser temperature', n, -8.0, 21.0) AS focuser_temp,
  '["N.I.N.A. 3.1", "SGP 4.4", "APT 4.20"]' ->> draw('software', n, 0, 2) AS software_creator,
  iif(moved, 'PixInsight 1.8.9', NULL) AS software_modifier, observer, site_name,
  iif(is_light, draw('airmass', n, 1.0, 2.2), NULL) AS airmass,
  datetime(start, 'unixepoch') || '.000000' AS exposure_start,
  datetime(start + CAST(exposure AS INT), 'unixepoch') || '.000000' AS exposure_end,
  iif(analysed, draw('stars', n, 80, 9000), NULL) AS star_count,
  iif(analysed, draw('median', n, 1.6, 6.5), NULL) AS median_fwhm,
  iif(analysed, draw('eccentricity', n, 0.2, 0.75), NULL) AS eccentricity,
  iif(boltwood, draw('boltwood cloud', n, 0.0, 3.0), NULL) AS boltwood_cloud,
  iif(boltwood, draw('boltwood wind', n, 0.0, 3.0), NULL) AS boltwood_wind,
  iif(boltwood, draw('boltwood rain', n, 0.0, 1.0), NULL) AS boltwood_rain, NULL AS boltwood_daylight,
  draw('bad', n, 1, 100) <= 3 AS bad, draw('not found', n, 1, 100) <= 1 AS file_not_found,
  iif(moved, file, NULL) AS orig_file,
  iif(moved, '/incoming/' || date, NULL) AS orig_folder,
  draw('validation', n, 55.0, 100.0) AS validation_score, draw('ready', n, 1, 100) <= 90 AS migration_ready,
  iif(draw('doubt', n, 1, 100) <= 4, 'check: no' || char(10) || 'object name', NULL) AS validation_notes,
  datetime((day + 1) * 86400 + 32000, 'unixepoch') || '.000000' AS created_at,
  iif(moved, datetime((day + 8) * 86400 + 7, 'unixepoch') || '.000000', NULL) AS updated_at
FROM named;

-- One processing session takes in about 120 files.
CREATE TEMP TABLE processing AS
SELECT n, day, name, kind, ra, dec, n % 4 < 3 AS done,
  strftime('%Y%m%d', day * 86400, 'unixepoch') || '_' || replace(replace(name, ' ', ''), '''', '')
    || printf('_%04d', n) AS id
FROM (SELECT n, 19500 + n * 9 AS day FROM number, size WHERE n < (links + 119) / 120)
CROSS JOIN target ON target.number = n % 16;
CREATE UNIQUE INDEX temp.processing_number ON processing (n);

INSERT INTO processing_sessions
SELECT id, name || ' ' || date(day * 86400, 'unixepoch'), '/astro/processing/' || id, json_array(name),
  iif(draw('processing notes', n, 1, 100) <= 30, 'more OIII needed', NULL), iif(done, 'complete', 'in_progress'),
  draw('version', n, 1, 3), iif(done, printf('https://astrobin.example/%05d', n), NULL), NULL,
  datetime(day * 86400 + 70000, 'unixepoch') || '.000000',
  iif(done, datetime((day + 3) * 86400 + 80000, 'unixepoch') || '.000000', NULL),
  name, kind, iif(n % 2 = 0, 'SHO', 'LRGB'), ra, dec, draw('integration', n, 7200, 120000),
  datetime((day - 60) * 86400, 'unixepoch') || '.000000', datetime((day - 2) * 86400, 'unixepoch') || '.000000',
  datetime(day * 86400 + 69000, 'unixepoch') || '.000000', datetime((day + 4) * 86400, 'unixepoch') || '.000000'
FROM processing;

INSERT INTO processing_session_files
SELECT n + 1, session, iif(files > 0, spread + 1 + spread / 97, NULL), '/astro/' || lower(kind) || '/' || name, name,
  '/astro/processing/' || session || '/' || lower(kind) || '/' || name, name, lower(kind),
  datetime(19500 * 86400 + n * 977, 'unixepoch') || '.000000', draw('size', n, 18000000, 122000000), kind
FROM (
  SELECT number.n, files, number.n * files / links AS spread, processing.id AS session,
    printf('frame_%06d.fits', number.n + 1) AS name,
    '["LIGHT", "LIGHT", "LIGHT", "DARK", "FLAT"]' ->> draw('link', number.n, 0, 4) AS kind
  FROM number CROSS JOIN size CROSS JOIN processing ON processing.n = number.n / 120 WHERE number.n < links
);

INSERT INTO processed_files
SELECT r + 1, session, '/astro/final/' || file, file, file_type, 'final', draw('result size', r, 2000000, 900000000),
  datetime(made, 'unixepoch') || '.000000', datetime(made + 65, 'unixepoch') || '.000000', checksum('result', r),
  is_jpg, iif(is_jpg, '/astro/final/' || file || '.json', NULL), iif(is_jpg, draw('companion', r, 400, 4000), NULL),
  6248, 4176, iif(is_jpg, 8, 32), iif(is_jpg, 'sRGB', 'linear'), name, 'final',
  printf('{"stretch": %g, "drizzle": null}', draw('stretch', r, 0.1, 0.9)), NULL,
  datetime(made + 4000, 'unixepoch') || '.000000', NULL
FROM (
  SELECT *, printf('final_%04d.%s', r, file_type) AS file, 19500 * 86400 + r * 388000 AS made
  FROM (
    SELECT n * 2 + is_jpg AS r, id AS session, name, is_jpg, file_type
    FROM processing CROSS JOIN (SELECT 0 AS is_jpg, 'xisf' AS file_type UNION ALL VALUES (1, 'jpg'))
  )
);

-- The archive in the cloud: the older half of the sessions, and every processing session. Three of these tables have a
-- session_id without a foreign key: those columns keep their name in Phase 3.
INSERT INTO s3_backup_archives
SELECT number + 1, session_id, date, substr(date, 1, 4) + 0, 'astro-archive',
  'sessions/' || session_id || '.tar.zst', 'eu-central-1', checksum('archive', number),
  draw('archived', number, 20, 90), draw('checked', number, 1, 100) <= 80, NULL
FROM night, size WHERE number < sessions / 2;

INSERT INTO s3_backup_session_notes
SELECT (number + 1) / 4, session_id, substr(date, 1, 4) + 0, 'astro-archive',
  'notes/' || session_id || '.md', 'eu-central-1', checksum('note', number),
  datetime((day + 20) * 86400, 'unixepoch') || '.000000', 1
FROM night, size WHERE number < sessions / 2 AND number % 4 = 3;

INSERT INTO s3_backup_processing_sessions
SELECT n + 1, id, 'astro-archive', 'processing/' || id || '.tar.zst', 'eu-central-1', checksum('processing', n),
  datetime((19800 + n) * 86400, 'unixepoch') || '.000000'
FROM processing;

INSERT INTO s3_backup_processed_file_records
SELECT n + 1, n * 2 + 1, id, 'astro-archive', 'final/' || id || '.xisf', 'eu-central-1',
  checksum('processed', n), 48000000 + n * 7, NULL
FROM processing;

INSERT INTO s3_backup_processing_session_summary
SELECT id, 120 + n % 7, done, datetime((19800 + n) * 86400, 'unixepoch') || '.000000' FROM processing;

INSERT INTO s3_backup_log
SELECT number + 1, 'upload', iif(failed, 'failed', 'success'), iif(failed, NULL, number + 1), session_id,
  datetime((day + 10) * 86400 + 3000, 'unixepoch') || '.000000', iif(failed, 'timeout after 300 s', NULL)
FROM (SELECT *, number % 17 = 16 AS failed FROM night), size WHERE number < sessions / 2;

INSERT INTO s3_backup_config SELECT *, NULL FROM (
  VALUES ('bucket', 'astro-archive'), ('region', 'eu-central-1'), ('storage_class', 'DEEP_ARCHIVE'));

INSERT INTO s3_backup_stats
SELECT n, datetime((19700 + n * 30) * 86400, 'unixepoch') || '.000000', 'month', n * 9
FROM number WHERE n BETWEEN 1 AND 12;

INSERT INTO schema_version VALUES (1, '2025-10-04 19:12:31.000000', 'Phase 2: Consolidated models');

DROP TABLE number;
DROP TABLE target;
DROP TABLE site;
DROP TABLE night;
DROP TABLE processing;
DROP TABLE size;

mod patterns;
mod shards;
mod workers;

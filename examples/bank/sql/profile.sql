SELECT a.*, d.region, d.inhabitants, d.urban_percent, d.average_salary
FROM accounts AS a
LEFT JOIN districts AS d USING (district_id)
